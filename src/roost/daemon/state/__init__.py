"""What is true now, decided and stored: the peers of the fleet, its clocks, its threads and tasks."""
