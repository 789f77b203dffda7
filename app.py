"""The app: `streamlit run app.py`. Everything global is in `alscope.ui.shell`."""

from alscope.ui import shell

shell.run()
