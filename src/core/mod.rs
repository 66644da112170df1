//! Pure decisions: values in, values out. Nothing here awaits, reads a clock, a file or the environment.

pub mod again;
pub mod apps;
pub mod coalesce;
pub mod connections;
pub mod dedupe;
pub mod end;
pub mod fold;
pub mod gate;
pub mod hearing;
pub mod joined;
pub mod looks;
pub mod markup;
pub mod mention;
pub mod owed;
pub mod pace;
pub mod presence;
pub mod reach;
pub mod redial;
pub mod retry;
pub mod target;
pub mod trust;
pub mod turns;
pub mod written;
