"""What services need beside their generated events, which are packages of their own."""
