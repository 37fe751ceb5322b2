"""One HTML page about a run, or about two side by side. ``facerec report`` writes it."""

from facerec.pages.data_facts import DataFacts, data_facts
from facerec.pages.page import Choices, report_page, require_jinja
from facerec.pages.subject import Subject, read_subjects

__all__ = ["Choices", "DataFacts", "Subject", "data_facts", "read_subjects", "report_page", "require_jinja"]
