"""What is written for other trainers and evaluators, and what of it they cannot be told."""
