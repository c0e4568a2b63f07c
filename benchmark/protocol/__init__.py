"""What is done: the loop of active learning, its round 0, references and jobs, and a whole run of them."""
