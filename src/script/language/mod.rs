//! Command lines inside Rhai: lexer, parser, tree and lowering.
