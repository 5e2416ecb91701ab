"""What published numbers say about themselves: a table of fold accuracies, or a log of predictions."""

from __future__ import annotations

from results.audit.claims import AuditReport, Verdict, audit
from results.audit.logs import PredictionAudit, audit_predictions, is_prediction_log

__all__ = ["AuditReport", "PredictionAudit", "Verdict", "audit", "audit_predictions", "is_prediction_log"]
