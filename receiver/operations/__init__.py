"""What a person or a timer starts: invoicing, comparing, back-fill, links, and background work."""
