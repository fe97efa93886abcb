"""The settings of each command: bounds, defaults and the words of its help."""
