"""The registrar: who belongs to the fleet, on the host of its hub."""
