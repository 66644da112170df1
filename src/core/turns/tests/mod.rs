mod look;
mod talk;
