//! The one place that makes folders of a home: what lies there is its owner's, and names of files tell who talks where.

use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

/// Makes a folder, and those above it, for their owner alone. One that is there stays as it is.
pub fn make(path: &Path) -> std::io::Result<()> {
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_folder_is_its_owner_s_and_one_that_is_there_stays_as_it_is() {
        let home = tempfile::tempdir().unwrap();
        let mode =
            |path: &str| std::fs::metadata(home.path().join(path)).unwrap().permissions().mode() & 0o777;
        make(&home.path().join("data/rooms")).unwrap();
        assert_eq!((mode("data"), mode("data/rooms")), (0o700, 0o700));
        std::fs::set_permissions(home.path().join("data"), std::fs::Permissions::from_mode(0o755)).unwrap();
        make(&home.path().join("data")).unwrap();
        make(&home.path().join("data/cursors")).unwrap();
        assert_eq!((mode("data"), mode("data/cursors")), (0o755, 0o700));
    }
}
