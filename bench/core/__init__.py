"""What all other folders use: errors, plugins by name, downloads."""
