//! The one door to every cmdlet.
