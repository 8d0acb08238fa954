"""Does guidance help? Problem sets, arms at equal budgets, an experiment that resumes, and its figures."""
