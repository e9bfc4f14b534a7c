"""From files to typed drafts: ``readers`` knows file formats, ``shapes`` knows what rows mean; both are pure."""
