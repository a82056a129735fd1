"""What agents and their models said, read from the records that their programs keep."""
