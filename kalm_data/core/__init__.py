"""Records, protocols, configurations and pure functions that every layer shares."""
