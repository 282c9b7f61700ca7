//! Tests of the whole workspace; this package ships nothing and its library is empty on purpose.
//! Its programs are `chexgen` and the reading window under other names, for tests that run them from outside.
//!
//! - `commands`: what the studio copies as a command against what `chexgen` takes.
//! - `golden`: the engine against numbers that the reference implementation made, kept in
//!   `golden/data` in the form that `chexgen parity` reads.
//! - `studio`: files of the studio in the headless program, and back; a whole reader study in both.
//! - `tidy`: the rules of `ARCHITECTURE.md`: who uses whom, how files look, what documents say.
//!
//! Tests of one module lie beside it; tests of the window lie in `app/tests`.
