//! What a pipe tells of the one who reads from it.

use std::os::fd::AsFd;

use rustix::fs::{FileType, fstat};

/// How many bytes, at most, were written to it and not taken out. `None` where nobody can tell: files keep what they
/// got, and terminals show it at once.
pub fn unread(fd: impl AsFd) -> Option<u64> {
    match FileType::from_raw_mode(fstat(&fd).ok()?.st_mode) {
        FileType::Fifo => rustix::io::ioctl_fionread(&fd).ok(),
        FileType::Socket if is_local(&fd) => unsent(&fd),
        _ => None,
    }
}

/// Over TCP a queue tells what has not arrived, which is not what has not been taken.
fn is_local(fd: impl AsFd) -> bool {
    rustix::net::getsockname(fd).is_ok_and(|name| name.address_family() == rustix::net::AddressFamily::UNIX)
}

/// Of a socket: what its send queue holds. Linux counts the memory of whole packets, so this is no less than the bytes,
/// and 0 exactly when all are taken (`unix_outq_len`, `net/unix/af_unix.c`).
#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "rustix has no name for this request, which reads one number")]
fn unsent(fd: impl AsFd) -> Option<u64> {
    use rustix::ioctl::{Getter, ioctl};
    /// `SIOCOUTQ`, which is `TIOCOUTQ` (`asm-generic/ioctls.h`).
    const SIOCOUTQ: rustix::ioctl::Opcode = 0x5411;
    // SAFETY: the request stores one `int` and nothing else.
    let unsent = unsafe { ioctl(fd, Getter::<SIOCOUTQ, std::ffi::c_int>::new()) };
    u64::try_from(unsent.ok()?).ok()
}

#[cfg(not(target_os = "linux"))]
fn unsent(_fd: impl AsFd) -> Option<u64> {
    None
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use super::*;

    #[test]
    fn a_pipe_and_a_socket_tell_what_is_in_them() {
        let (mut reader, mut writer) = std::io::pipe().unwrap();
        writer.write_all(b"hello").unwrap();
        assert_eq!(unread(&writer), Some(5));
        reader.read_exact(&mut [0; 3]).unwrap();
        assert_eq!(unread(&writer), Some(2));
        drop(reader);
        assert_eq!(unread(&writer), Some(2), "what nobody took was not read");

        let (mut reader, mut writer) = std::os::unix::net::UnixStream::pair().unwrap();
        writer.write_all(b"hello").unwrap();
        assert!(unread(&writer).is_some_and(|unread| unread >= 5));
        reader.read_exact(&mut [0; 5]).unwrap();
        assert_eq!(unread(&writer), Some(0));
    }

    #[test]
    fn a_file_has_no_reader_and_what_is_far_away_cannot_be_told() {
        assert_eq!(unread(tempfile::tempfile().unwrap()), None);
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let mut far = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        far.write_all(b"hello").unwrap();
        assert_eq!(unread(&far), None);
    }
}
