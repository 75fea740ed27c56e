//! What is in a secret: it goes from the service that keeps it to the one that needs it, and nowhere else.

use std::collections::BTreeMap;

use payment_platform_engine::{Class, CloudError};
use rand::TryRngCore;
use rand::rngs::OsRng;
use serde_json::Value;

use super::secret::Login;
use crate::aws::Aws;
use crate::aws::error::During;

/// Letters and digits alone satisfy every engine, and need no quoting in a connection string.
const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// The content of a database secret, in the form that AWS's own rotation functions and drivers read (Secrets Manager User
/// Guide, "JSON structure of secrets"). It neither serialises nor prints: what needs a part of it asks for that part.
pub struct Credentials(BTreeMap<String, Value>);

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Credentials(…)")
    }
}

impl Credentials {
    /// New ones, with a password from the system's randomness.
    ///
    /// # Errors
    /// The system gives no randomness.
    pub fn new(login: &Login) -> Result<Self, CloudError> {
        let texts = [("username", &login.username), ("engine", &login.engine), ("dbname", &login.database)];
        let mut parts: BTreeMap<String, Value> =
            texts.into_iter().map(|(key, value)| (key.to_owned(), Value::from(value.as_str()))).collect();
        parts.insert("password".to_owned(), Value::from(password(login.password_length)?));
        parts.insert("port".to_owned(), Value::from(login.port));
        Ok(Self(parts))
    }

    fn parse(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok().map(Self)
    }

    /// A part that is no secret: the host, the database, the user.
    pub fn part(&self, name: &str) -> Option<&str> {
        (name != "password").then(|| self.0.get(name)?.as_str()).flatten()
    }

    pub fn set(&mut self, name: &str, value: impl Into<Value>) {
        self.0.insert(name.to_owned(), value.into());
    }

    /// For the call that sets it, and nothing else.
    pub fn password(&self) -> Option<&str> {
        self.0.get("password")?.as_str()
    }

    /// For the call that keeps it, and nothing else.
    pub fn to_secret_string(&self) -> String {
        Value::from_iter(self.0.clone()).to_string()
    }
}

/// Reads what a secret holds now.
pub async fn credentials(aws: &Aws, secret_arn: &str) -> Result<Credentials, CloudError> {
    current(aws, secret_arn).await.map(|(credentials, _)| credentials)
}

/// The same with the id of its version.
pub async fn current(aws: &Aws, secret_arn: &str) -> Result<(Credentials, String), CloudError> {
    let action = "secretsmanager:GetSecretValue";
    let answer = aws.secrets.get_secret_value().secret_id(secret_arn).send().await.during(action)?;
    // Without the text in the error: it is the secret.
    let unreadable = || CloudError::new(Class::Invalid, action, "BadSecret", "the secret is no JSON object");
    let credentials = Credentials::parse(answer.secret_string().unwrap_or_default()).ok_or_else(unreadable)?;
    Ok((credentials, answer.version_id.unwrap_or_default()))
}

/// PCI DSS 8.3.6 asks for twelve characters.
const SHORTEST: usize = 16;

/// Letters and digits, both among them (PCI DSS 8.3.6).
fn password(length: usize) -> Result<String, CloudError> {
    loop {
        let drawn = draw(length.max(SHORTEST))?;
        if drawn.bytes().any(|byte| byte.is_ascii_digit()) && drawn.bytes().any(|byte| byte.is_ascii_alphabetic()) {
            return Ok(drawn);
        }
    }
}

fn draw(length: usize) -> Result<String, CloudError> {
    let mut text = String::with_capacity(length);
    let mut bytes = [0_u8; 64];
    while text.len() < length {
        OsRng.try_fill_bytes(&mut bytes).map_err(|error| {
            CloudError::new(Class::Unavailable, "secretsmanager:CreateSecret", "NoRandomness", error.to_string())
        })?;
        // Bytes past the last whole round of the alphabet would favour its beginning.
        let fair = bytes.iter().filter(|byte| usize::from(**byte) < 256 / ALPHABET.len() * ALPHABET.len());
        let letters = fair.map(|byte| char::from(ALPHABET[usize::from(*byte) % ALPHABET.len()]));
        text.extend(letters.take(length - text.len()));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_long_mixed_and_never_the_same() {
        let drawn: std::collections::BTreeSet<String> = (0..200).map(|_| password(16).unwrap()).collect();
        assert_eq!(drawn.len(), 200);
        for one in drawn {
            assert_eq!(one.len(), 16);
            assert!(one.chars().all(|c| c.is_ascii_alphanumeric()), "{one}");
            assert!(one.chars().any(|c| c.is_ascii_digit()) && one.chars().any(|c| c.is_ascii_alphabetic()), "{one}");
        }
    }

    #[test]
    fn credentials_print_nothing() {
        let made = Credentials::new(&Login {
            username: "dbadmin".to_owned(),
            engine: "postgres".to_owned(),
            database: "paymentdb".to_owned(),
            port: 5432,
            password_length: 32,
        })
        .unwrap();
        let password = made.password().unwrap();
        assert!(!format!("{made:?}").contains(password));
        assert!(made.part("password").is_none());
        assert_eq!(made.part("username"), Some("dbadmin"));
        let read = Credentials::parse(&made.to_secret_string()).unwrap();
        assert_eq!(read.password(), Some(password));
    }
}
