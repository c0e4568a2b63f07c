"""From a pilot to the plan of a study."""
