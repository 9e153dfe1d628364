"""Forms: field checks, to frozen request objects. They know no database."""
