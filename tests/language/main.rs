//! Command lines inside Rhai: the corpus, the properties that hold for every text, and the oracle.

mod catalogue;
mod corpus;
mod completion;
mod oracle;
mod properties;
