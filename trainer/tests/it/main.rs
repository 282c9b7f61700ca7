//! The program `chexgen` from outside: trained, asked, interrupted, fed with nonsense.

mod bad_input;
mod generate;
mod import;
mod interrupt;
mod replay;
mod resume;
mod support;
