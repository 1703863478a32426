"""Is the model in production healthy, and may it get more traffic or more autonomy?"""

__version__ = "0.1.0"
