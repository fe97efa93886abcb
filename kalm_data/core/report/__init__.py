"""The page of `report`: what it is made of, what it says, and how it is written."""
