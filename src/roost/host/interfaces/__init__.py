"""What the layers above may ask of the machine. Real parts and in-memory twins both satisfy these."""
