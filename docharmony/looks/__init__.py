"""What text in pixels looks like: geometry, ink, face and wear. Pure functions on arrays."""
