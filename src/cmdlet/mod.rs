//! What a cmdlet says of itself: name, parameters, examples, roles.
