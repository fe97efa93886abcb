"""Pure measures on arrays that several stages share; numpy, and of this package only core."""
