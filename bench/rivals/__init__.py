"""What the receiver is measured against: small servers, each a file of its own. Not one of them checks a signature."""
