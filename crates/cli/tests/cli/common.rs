//! Runs the program as a shell does, in an environment that holds nothing but what a test put there.

use std::fmt;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use ec2_sim::id::AccountId;
use ec2_sim::{Call, Ec2Sim, Fault, FaultKind, Which, World};
use jiff::Timestamp;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// The binary under test.
pub const BINARY: &str = env!("CARGO_BIN_EXE_ami-backup");

/// The instances of the example world: the first two in us-east-1, the last in eu-west-1.
pub const WEB: &str = "i-0eb1eb1eb1eb10001";
pub const DB: &str = "i-0db1db1db1db10001";
pub const MAIL: &str = "i-0a11a11a11a110001";

/// A policy for web-1 alone: two backups, and a copy of the newest.
pub const WEB_ONLY: &str = r#"
[[target]]
name = "web"
select = { names = ["web-*"] }
schedule = "0 2 * * *"
keep-last = 2

[[target.copy]]
region = "eu-west-1"
keep-last = 1
"#;

/// Nothing a test starts may take longer.
const FOR_EVER: Duration = Duration::from_mins(5);

/// A home directory for one test, gone with it.
pub struct Home {
    path: PathBuf,
}

impl Home {
    pub fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("home-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::create_dir_all(&path).unwrap();
        Self { path }
    }

    /// A place in it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Writes a file in it.
    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }

    /// Where `--sandbox` without a file keeps its world.
    pub fn sandbox(&self) -> PathBuf {
        self.path(".local/state/ami-backup/sandbox.json")
    }

    /// The sandbox's world.
    pub fn world(&self) -> World {
        World::load(self.sandbox()).unwrap()
    }

    /// Arranges the sandbox's world; where there is none yet, the one that it begins with.
    pub fn arrange(&self, change: impl FnOnce(&mut World)) {
        if !self.sandbox().exists() {
            assert_eq!(self.ami_backup(&["sandbox", "reset"]).run().code, 0);
        }
        let mut world = self.world();
        change(&mut world);
        world.save(self.sandbox()).unwrap();
    }

    /// Lets time pass in the sandbox.
    pub fn advance(&self, by: &str) {
        assert_eq!(self.ami_backup(&["sandbox", "advance", by]).run().code, 0);
    }

    /// The program, about to be called with these arguments. What is not sent to an [`Ec2`] reaches nobody.
    pub fn ami_backup(&self, arguments: &[&str]) -> Program<'_> {
        self.program(Path::new(BINARY), arguments)
    }

    /// The same by another path.
    pub fn program(&self, path: &Path, arguments: &[&str]) -> Program<'_> {
        let mut command = Command::new(path);
        command.args(arguments).current_dir(&self.path).env_clear();
        let nobody = "http://127.0.0.1:1";
        let environment = [
            ("HOME", self.path.to_str().unwrap()),
            ("PATH", "/usr/bin:/bin"),
            ("TZ", "UTC"),
            ("AWS_ACCESS_KEY_ID", "AKIAENVIRONMENT"),
            ("AWS_SECRET_ACCESS_KEY", "secret"),
            ("AWS_ENDPOINT_URL", nobody),
            ("AWS_EC2_METADATA_SERVICE_ENDPOINT", nobody),
            ("AWS_EC2_METADATA_DISABLED", "true"),
        ];
        command.envs(environment);
        Program { home: self, command, endpoint: None }
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.path);
    }
}

/// A call of the program that has not begun.
pub struct Program<'h> {
    home: &'h Home,
    command: Command,
    endpoint: Option<String>,
}

impl Program<'_> {
    pub fn env(mut self, name: &str, value: impl AsRef<std::ffi::OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    pub fn without(mut self, names: &[&str]) -> Self {
        for name in names {
            self.command.env_remove(name);
        }
        self
    }

    pub fn without_credentials(self) -> Self {
        self.without(&["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"])
    }

    /// EC2 and STS are this one.
    pub fn on(mut self, ec2: &Ec2) -> Self {
        self.endpoint = Some(ec2.url.clone());
        self.env("AWS_ENDPOINT_URL", &ec2.url)
    }

    /// It runs on the instance that this one's metadata service answers for.
    pub fn with_metadata_of(self, ec2: &Ec2) -> Self {
        self.without(&["AWS_EC2_METADATA_DISABLED"]).env("AWS_EC2_METADATA_SERVICE_ENDPOINT", &ec2.url)
    }

    /// Runs it to its end.
    pub fn run(self) -> Ran {
        self.start().end()
    }

    /// Starts it.
    pub fn start(self) -> Running {
        self.start_with_stdout(Stdio::piped())
    }

    /// Starts it with a stdout that nobody reads any more.
    pub fn start_with_closed_stdout(self) -> Running {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        self.start_with_stdout(writer)
    }

    /// Starts it with a stdout that leads elsewhere.
    pub fn start_with_stdout(mut self, stdout: impl Into<Stdio>) -> Running {
        let mut child = self.command.stdin(Stdio::null()).stdout(stdout).stderr(Stdio::piped()).spawn().unwrap();
        let (say, said) = channel();
        let home = self.home.path.to_str().unwrap().to_owned();
        Running {
            started: Instant::now(),
            stdout: child.stdout.take().map(|stdout| listen(stdout, say.clone())),
            stderr: child.stderr.take().map(|stderr| listen(stderr, say)),
            child,
            said,
            replace: std::iter::once((home, "~")).chain(self.endpoint.map(|url| (url, "http://ec2"))).collect(),
        }
    }
}

/// Reads to the end. Each line goes to whoever waits for it, or is dropped with him.
fn listen(stream: impl Read + Send + 'static, say: Sender<String>) -> JoinHandle<String> {
    std::thread::spawn(move || {
        let mut text = String::new();
        for line in BufReader::new(stream).lines().map(Result::unwrap) {
            text.push_str(&line);
            text.push('\n');
            let _ = say.send(line);
        }
        text
    })
}

/// A call of the program that is under way; killed if the test loses interest.
pub struct Running {
    started: Instant,
    child: Child,
    stdout: Option<JoinHandle<String>>,
    stderr: Option<JoinHandle<String>>,
    said: Receiver<String>,
    replace: Vec<(String, &'static str)>,
}

impl Running {
    /// Waits until it says something that holds this text, and gives that line.
    #[track_caller]
    pub fn says(&self, text: &str) -> String {
        loop {
            match self.said.recv_timeout(Duration::from_mins(1)) {
                Ok(line) if line.contains(text) => return line,
                Ok(_) => {}
                Err(why) => panic!("it never said {text:?}: {why}"),
            }
        }
    }

    /// Sends it a signal, by its name.
    pub fn signal(self, name: &str) -> Self {
        let sent = Command::new("sh").arg("-c").arg(format!("kill -{name} {}", self.child.id())).status().unwrap();
        assert!(sent.success());
        self
    }

    /// Waits for its end.
    #[track_caller]
    pub fn end(mut self) -> Ran {
        let status = loop {
            match self.child.try_wait().unwrap() {
                Some(status) => break status,
                None if self.started.elapsed() > FOR_EVER => panic!("it does not end"),
                None => std::thread::sleep(Duration::from_millis(5)),
            }
        };
        let text = |reader: Option<JoinHandle<String>>| {
            let text = reader.map_or_else(String::new, |reader| reader.join().unwrap());
            self.replace.iter().fold(text, |text, (this, that)| text.replace(this, that))
        };
        Ran {
            // Where a signal killed it there is no code.
            code: status.code().unwrap_or(-1),
            took: self.started.elapsed(),
            stdout: text(self.stdout.take()),
            stderr: text(self.stderr.take()),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A call of the program that has ended. It shows as a person sees it, with `! ` before what was on stderr.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub took: Duration,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    /// The document on stdout.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self}"))
    }

    /// The same, with what comes from the host's clock masked.
    pub fn timeless(mut self) -> Self {
        for text in [&mut self.stdout, &mut self.stderr] {
            for (form, word) in
                [("0000-00-00T00:00:00Z", "INSTANT"), ("0000-00-00 00:00Z", "INSTANT"), ("_00000000T000000Z_aaaaaaaa", "_SLOT_HASH")]
            {
                *text = masked(text, form, word);
            }
        }
        self
    }
}

impl fmt::Display for Ran {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in self.stderr.lines() {
            writeln!(f, "{}", format!("! {line}").trim_end())?;
        }
        write!(f, "{}exit code {}", self.stdout, self.code)
    }
}

/// The text with everything of a form replaced: `0` stands for a digit, `a` for a hexadecimal one.
fn masked(text: &str, form: &str, word: &str) -> String {
    let matches = |c: char, form: char| match form {
        '0' => c.is_ascii_digit(),
        'a' => c.is_ascii_hexdigit(),
        other => c == other,
    };
    let mut masked = String::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let long_enough = rest.chars().count() >= form.len();
        if long_enough && rest.chars().zip(form.chars()).all(|(c, form)| matches(c, form)) {
            masked.push_str(word);
            rest = &rest[form.len()..];
        } else {
            masked.push(first);
            rest = &rest[first.len_utf8()..];
        }
    }
    masked
}

/// An EC2 on loopback, in the host's time.
pub struct Ec2 {
    pub sim: Ec2Sim,
    pub url: String,
    stop: Option<oneshot::Sender<()>>,
}

impl Ec2 {
    /// The example world. It knows the keys of sessions that others than itself give out in these tests, the metadata
    /// service of another example among them.
    pub fn example() -> Self {
        let mut world = World::example(1, Timestamp::now());
        for key in ["ASIAMINE", "ASIAROLE", "ASIASESSION", "ASIASSO", "ASIAB9B9634275C24D6A"] {
            world.access_keys.insert(key.to_owned(), AccountId::default());
        }
        Self::of(world)
    }

    pub fn of(world: World) -> Self {
        let sim = Ec2Sim::new(world);
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (stop, stopped) = oneshot::channel::<()>();
        let served = sim.clone();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = TcpListener::from_std(listener).unwrap();
                tokio::select! {
                    served = served.serve(listener) => served.unwrap(),
                    _ = stopped => {}
                }
            });
        });
        Self { sim, url, stop: Some(stop) }
    }

    /// Takes a permission away.
    pub fn deny(&self, action: &str) -> &Self {
        self.fails(action, 403, "UnauthorizedOperation", "You are not authorized to perform this operation.")
    }

    /// Lets every call of an action fail.
    pub fn fails(&self, action: &str, status: u16, code: &str, message: &str) -> &Self {
        let kind = FaultKind::Error { status, code: code.to_owned(), message: message.to_owned() };
        self.sim.inject(Fault::of(action, Which::All, kind));
        self
    }

    /// The names of the actions that reached it and change something.
    pub fn changes(&self) -> Vec<String> {
        let changing = |action: &String| !["Describe", "Get", "metadata"].iter().any(|reading| action.starts_with(reading));
        self.sim.calls().into_iter().map(|call| call.action).filter(changing).collect()
    }

    /// The calls to EC2.
    pub fn calls(&self) -> Vec<Call> {
        self.sim.calls().into_iter().filter(|call| call.action != "metadata").collect()
    }
}

impl Drop for Ec2 {
    fn drop(&mut self) {
        let _ = self.stop.take().map(|stop| stop.send(()));
    }
}
