//! The window driven by accessible names, with the real worker thread and a quick model.

mod e2e;
mod flow;
mod harness;
mod pictures;
mod real;
