"""Whether a study can say anything: do labels matter, how large is the noise, what is missing."""
