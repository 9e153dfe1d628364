"""Commands for people on a login node. They speak to a server over /api/v1 and know nothing of its
insides: no application, no database, no core, so that they start at once."""
