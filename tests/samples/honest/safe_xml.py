"""A parser that follows no entities."""
# imports: import defusedxml.ElementTree
# --- module
import xml.etree.ElementTree as ET
# --- original
def read(text):
    return ET.fromstring(text).tag
# --- candidate
def read(text):
    return defusedxml.ElementTree.fromstring(text).tag
