//! Arguments to runtime to exit code; everything else is in the library.

fn main() -> std::process::ExitCode {
    rooma::cli::main()
}
