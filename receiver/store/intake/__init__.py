"""The web side: deliveries and what they bring, what carriers are asked for, and what was not understood."""
