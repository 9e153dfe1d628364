"""Letters and calendars: entity in, message out. Nothing is sent from here."""
