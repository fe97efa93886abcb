"""One function a command, for notebooks and services: builds the engines, calls the stage."""
