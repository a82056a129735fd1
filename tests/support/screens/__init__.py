"""The screens in docs/screens.md: sixty peers in the states of a working day, as the commands show them."""
