"""A pipeline in one file: its steps, what each depends on, and what is known of earlier runs."""
