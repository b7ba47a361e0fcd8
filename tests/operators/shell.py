"""The `smartpay` command in this process, against one database."""

from typer.testing import CliRunner

from cli.main import app


class Shell:
    def __init__(self, database_url: str, **environment: str) -> None:
        self._environment: dict[str, str | None] = {
            **environment,
            "DATABASE_URL": database_url,
            "LOGNAME": "ada",
        }
        if "ENCRYPTION_KEYS_FILE" in environment:
            self._environment["ENCRYPTION_KEYS"] = None  # a stack's own keys, not those of the tests

    def __call__(self, *words: str, code: int = 0) -> str:
        """What the command prints; on standard error, where it is to end with another code than 0."""
        result = CliRunner().invoke(app, words, env=self._environment)
        assert result.exit_code == code, result.output
        return result.stdout if code == 0 else result.stderr
