"""What ``facerec sweep`` does: trials of settings, each repeated with other seeds and other people to validate."""
