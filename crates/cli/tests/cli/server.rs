//! A server on loopback that answers whatever it is asked as a test likes.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Sends something back.
type Sender = dyn FnOnce(&mut TcpStream) -> std::io::Result<()>;

/// What is sent back.
pub struct Answer(Box<Sender>);

impl Answer {
    /// An answer like any other.
    pub fn of(status: u16, body: &str) -> Self {
        Self::raw(format!("HTTP/1.1 {status} Status\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len()))
    }

    /// These bytes.
    pub fn raw(bytes: impl Into<Vec<u8>>) -> Self {
        let bytes = bytes.into();
        Self(Box::new(move |stream| stream.write_all(&bytes)))
    }

    /// These bytes, and then those again and again, until nobody listens any more.
    pub fn without_end(head: &'static str, piece: Vec<u8>) -> Self {
        Self(Box::new(move |stream| {
            stream.write_all(head.as_bytes())?;
            loop {
                stream.write_all(&piece)?;
            }
        }))
    }
}

/// A server that is there as long as the test process.
pub struct Server {
    pub url: String,
    count: Arc<AtomicUsize>,
}

impl Server {
    /// Answers each request, of which it is given head and body, on a connection of its own.
    pub fn start(answer: impl Fn(&str) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (answer, count) = (Arc::new(answer), Arc::new(AtomicUsize::new(0)));
        let counted = Arc::clone(&count);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (answer, counted) = (Arc::clone(&answer), Arc::clone(&counted));
                std::thread::spawn(move || {
                    let mut stream = stream;
                    if let Some(request) = read(&mut stream) {
                        counted.fetch_add(1, Ordering::SeqCst);
                        // Whoever has heard enough goes away.
                        let _ = answer(&request).0(&mut stream);
                    }
                });
            }
        });
        Self { url, count }
    }

    /// How many requests there were.
    pub fn requests(&self) -> usize {
        self.count.load(Ordering::SeqCst)
    }
}

/// A request, whole; `None` if it never came.
fn read(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse().ok());
            if body.len() >= length.unwrap_or(0) {
                return Some(text);
            }
        }
        let mut some = [0; 4096];
        match stream.read(&mut some).ok()? {
            0 => return None,
            length => bytes.extend(&some[..length]),
        }
    }
}
