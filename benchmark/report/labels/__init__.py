"""What labels were bought by task, for which price, and what that was worth."""
