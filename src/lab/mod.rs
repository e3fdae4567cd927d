//! A network to practise on.
