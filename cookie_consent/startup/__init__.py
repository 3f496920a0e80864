"""The start and the end of a server process: its lifespan, what runs beside responses, and refusing to start."""
