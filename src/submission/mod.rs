//! Submissions to GLUE's leaderboard: a zip of eleven files with predictions for the test splits.
//!
//! A model's outputs become [`GlueRows`], the content of one file. A [`Draft`] collects the rows of several runs, and becomes a
//! [`Submission`] once no file is missing. [`check()`] finds everything that is wrong with a finished zip, whoever made it.
//!
//! The format is the one that jiant wrote for the server (`GlueMixin`, nyu-mll/jiant@8b13996), except that scores have exactly
//! three decimals.

mod archive;
mod check;
mod draft;
mod file;
mod flaw;
mod lines;
mod rows;

pub use check::{CheckedFile, SubmissionReport, check};
pub use draft::{Draft, DraftError, Submission};
pub use file::{GlueFile, Values};
pub use flaw::{Flaw, FlawKind, FlawedLines};
pub use rows::{GlueRows, GlueRowsError};
