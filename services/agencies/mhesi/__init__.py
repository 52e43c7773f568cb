"""The Ministry of Higher Education, Science, Research and Innovation: digital transcripts."""
