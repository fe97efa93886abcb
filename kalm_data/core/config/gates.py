"""Quality gates that any command takes: what a run must reach, else exit status 3."""

from pydantic import Field

from kalm_data.core.config.settings import Settings
from kalm_data.core.summary import RunSummary


class Gates(Settings):
    """Bounds on the counts of a run."""

    min_kept: int | None = Field(
        None, ge=0, description="Exit with status 3 if fewer than this many units are kept."
    )
    max_reject_rate: float | None = Field(
        None, ge=0, le=1, description="Exit with status 3 if a larger share is rejected (0 to 1)."
    )

    def missed(self, run: RunSummary) -> tuple[str, ...]:
        """One line for each gate that the run missed."""
        rejected = sum(run.rejected.values())
        rate = rejected / run.planned if run.planned else 0.0
        lines = []
        if self.min_kept is not None and run.kept < self.min_kept:
            lines.append(f"kept {run.kept}, --min-kept {self.min_kept}")
        if self.max_reject_rate is not None and rate > self.max_reject_rate:
            lines.append(f"rejected {rate:.4f}, --max-reject-rate {self.max_reject_rate}")
        return tuple(lines)
